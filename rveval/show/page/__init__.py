"""A summary as a static site in a folder: opened from the disk or any web server, with no network; computes nothing.

    site        writes the folder: page, assets, data
    overview    what the first screen shows: the verdict, the main table
    panels      what the plots show, one data file a choice, loaded when chosen
    tables      every number of the page as a table, loaded when opened
    *_prompts, *_ablations    those of changed prompts, of null controls and parts of a vector
    made        how it was made
    say         numbers as people read them
    scripts     data as scripts, which a page opened from the disk may load
    assets/     the template, the styles and the scripts of the page

Model output is hostile text. It reaches the page in two ways only: through the template, which escapes everything, and
through data files, whose strings the scripts show as text nodes. The page's own policy forbids inline scripts, plugins,
forms, frames and every connection.
"""

from __future__ import annotations

from rveval.show.page.site import write

__all__ = ["write"]
