"""A report as a static site in a folder: opened from the disk or any web server, with no network.

    site       writes the folder: page, assets, data
    view       what the template shows of findings and of how they were made
    figures    the kinds of pictures, declared in Bokeh
    panels     what fills them, one data file a choice, loaded when chosen
    assets/    the template, the styles and the scripts of the page

Model output is hostile text. It reaches the page in two ways only: through the template, which escapes everything, and
through data files, whose strings the scripts show as text nodes. The page's own policy forbids inline and evaluated
scripts, plugins, forms, frames and every connection.
"""

from __future__ import annotations

from rveval.show.page.site import write

__all__ = ["write"]
