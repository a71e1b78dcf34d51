"""The table of books in docs/training-data.md, from a report of `storytui-train prepare`.

python tools/books_table.py REPORT.json
"""

import json
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    print(
        "| book | chapters | sentences | rows | of them 80 + 20 | words taken away, by what they were |"
    )
    print("|---|---|---|---|---|---|")
    for text in report["texts"]:
        lost = ", ".join("{} {:,}".format(why, words) for why, words in text["lost_words"].items())
        if not text["taken"]:
            print("| {} | | | 0: {} | | {} |".format(text["title"], text["reason"], lost))
            continue
        figures = text["figures"]
        print(
            "| {} | {} | {:,} | {} | {} | {} |".format(
                text["title"],
                figures["chapters"],
                figures["sentences"],
                text["rows"],
                figures["rows"] - figures["explained"],
                lost,
            )
        )
    total = report["total"]
    print(
        "| **all** | {} | {:,} | {} | {} | |".format(
            total["chapters"],
            total["sentences"],
            report["rows"],
            total["rows"] - total["explained"],
        )
    )


if __name__ == "__main__":
    main()
