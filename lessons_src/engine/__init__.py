"""Make a test, a page and a notebook of a Markdown lesson.

Read the files in the order in which a lesson passes through them:

1. `scanning` finds the fences and comments of a Markdown file. `parsing` makes a `lesson.Lesson`
   of them; `directives` reads the comments above a block, and `budgets` counts words and exercises.
2. `running` starts a process for the lesson and returns a `lesson.LessonRun`. In that process,
   which has done `warmup`, `worker` runs the blocks in the `shell`, and `figures` makes what they draw
   fit for any page. `caching` keeps a run until something that it depends on changes. `progress` gets
   the runs that a site's build needs.
3. `failures` checks a run against the stored outputs, with `comparing`.
4. Four readers use the run: `pytest_plugin` (a test for each block), `accepting` (new stored
   outputs), `mkdocs_plugin` (pages, with `page` and `formulas`) and `notebook`, which
   `offers` puts on the site and `notebook_page` makes a page of. A page is there as Markdown too, of
   `page_copy`; that and a notebook have the `plain_markdown` that any reader of Markdown draws.
5. Under `mkdocs serve`, `stale_pages` tells which pages have to be built again, and `live` runs the blocks
   that a reader has changed on the page.

Learners do not need this package, and it does not import what they learn with.
"""
