"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""
