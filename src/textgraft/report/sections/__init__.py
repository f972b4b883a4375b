"""The sections of a report, one per file: from the facts to markup, which is empty where a section does not apply."""
