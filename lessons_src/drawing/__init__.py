"""Draw an `AutogradGraph` as a picture. No PyTorch is needed here.

Read the files in this order. Each has one idea.

- `picture`: what is to be drawn: boxes with lines of text, and arrows between them.
- `dot`: a picture in the DOT language, for any program that reads it.
- `layout`: where Graphviz puts each box and arrow.
- `svg`: a picture with its layout as SVG, for pages and notebooks.
"""
