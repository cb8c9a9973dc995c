"""Make a test, a page and a notebook of a Markdown lesson.

Read the files in the order in which a lesson passes through them:

1. `scanning` finds the fences and comments of a Markdown file. `parsing` makes a `lesson.Lesson`
   of them; `directives` reads the comments above a block.
2. `running` starts a process for the lesson and returns a `lesson.LessonRun`. In that process,
   which has done `warmup`, `worker` runs the blocks in the `shell`. `caching` keeps a run until
   something that it depends on changes. `progress` gets the runs that a site's build needs.
3. `failures` checks a run against the stored outputs, with `comparing`.
4. Four readers use the run: `pytest_plugin` (a test for each block), `accepting` (new stored
   outputs), `mkdocs_plugin` (pages, with `page`, `figures` and `formulas`) and `notebook`, which
   `offers` puts on the site and `notebook_page` makes a page of.
5. Under `mkdocs serve`, `live` runs the blocks that a reader has changed on the page.

Learners do not need this package, and it does not import what they learn with.
"""
