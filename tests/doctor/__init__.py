"""tasky doctor, look by look; tests/cli/test_doctor.py has the whole."""
