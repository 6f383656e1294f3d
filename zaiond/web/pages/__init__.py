"""The pages: each module has `routes`. What it shows is asked, made a view of (pure), and given to
a template; what it changes is a POST that ends in `render.done`.
"""
