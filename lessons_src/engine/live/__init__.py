"""Let a reader change the blocks of a page and run them, under `mkdocs serve`.

`rerun` runs a lesson with the reader's edits. `laboratory` is the part of the server that a page asks
for that. In the browser, `laboratory.js` has the buttons and `editor.js` the editor, which the folder
`editor` makes from npm's packages. None of this is in the output of a build.
"""
