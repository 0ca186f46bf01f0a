"""What runs inside the confinement, standard library only: the candidate's process, the tester's, and their wire.

In there this folder is all there is of rveval, so its modules import each other relatively and nothing else of it.
"""
