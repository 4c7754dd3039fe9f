"""Tables of pages."""


def row(cells):
    return "| " + " | ".join(map(str, cells)) + " |\n"


def table(head, rows):
    return row(head) + "|" + "---|" * len(head) + "\n" + "".join(map(row, rows))
