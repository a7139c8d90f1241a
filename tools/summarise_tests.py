"""Counts what tools/check ran, from the XML reports in one folder, and prints the closing line.

usage: summarise_tests.py RESULTS_DIR

ctest.xml lists the programs that ctest started. lit (lit.xml) and the GoogleTest programs (<name>.xml) write their own
reports, whose tests are counted in place of the program. A program that failed without a failed test in its report
(it crashed, or ran out of time) counts as one failure, so a red run never looks green here. Exit code 1 if any failed.
"""

import os
import sys
import xml.etree.ElementTree as ElementTree


def count_report(path):
    """(passed, failed, skipped, names of the failed) of a JUnit report."""
    passed, failed, skipped, names = 0, 0, 0, []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            names.append(f"{case.get('classname', '')}/{case.get('name')}")
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped, names


def main(folder):
    total = [0, 0, 0]
    failures = []
    ctest = os.path.join(folder, "ctest.xml")
    cases = list(ElementTree.parse(ctest).getroot().iter("testcase")) if os.path.exists(ctest) else []
    for case in cases:
        program = case.get("name")
        program_failed = case.find("failure") is not None or case.get("status") == "fail"
        report = os.path.join(folder, program + ".xml")
        counts, names = (0, 0, 0), []
        if os.path.exists(report):
            try:
                *counts, names = count_report(report)
            except ElementTree.ParseError:
                program_failed = True
        elif case.get("status") in ("notrun", "disabled") or case.find("skipped") is not None:
            # A program that was never built is a failure; one that is switched off is not.
            counts, program_failed = ((0, 0, 1), False) if case.get("status") == "disabled" else ((0, 0, 0), True)
        elif not program_failed:
            counts = (1, 0, 0)
        if program_failed and counts[1] == 0:
            counts, names = (counts[0], 1, counts[2]), [f"{program} (the program itself)"]
        total = [sum(pair) for pair in zip(total, counts)]
        failures += names
    if not cases:
        total[1] += 1
        failures.append("no test ran")
    for name in failures:
        print(f"FAILED {name}")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
