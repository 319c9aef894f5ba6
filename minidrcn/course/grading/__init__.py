"""What instructors run: handing out, running and grading what comes back."""
