import pytest

for _name in ("checks", "clients", "crashes", "driver", "stage", "workers"):
    pytest.register_assert_rewrite(f"tests.machine.{_name}")
