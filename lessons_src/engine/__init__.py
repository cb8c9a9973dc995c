"""How a Markdown lesson becomes a test, a page and a notebook.

Read it in the order in which a lesson goes through it:

1. `scanning` finds the fences and comments of a Markdown file, and `parsing` makes a
   `lesson.Lesson` of them (`directives` is its vocabulary).
2. `running` has it run in a process of its own, in which `worker` runs the blocks, and
   gives a `lesson.LessonRun`; `caching` keeps a run until something it depends on changes, and
   `building` has the lessons of a site run, or takes their runs from there.
3. `failures` holds the run against the outputs that the lesson stores (`comparing`).
4. Four readers use what comes out: `pytest_plugin` (a test for each block), `accepting`
   (new stored outputs), `mkdocs_plugin` (pages, by way of `page`, `figures` and `formulas`) and
   `notebook`.

Learners never need this package, and it never imports what they learn with.
"""
