"""What setup.cfg cannot say: the start of processes is built in C, and done without where there is no compiler."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "tasky.supervisor._start",
            ["tasky/supervisor/start.c"],
            extra_compile_args=["-std=gnu11", "-fvisibility=hidden"],
            extra_link_args=["-s"],
            optional=True,
        )
    ]
)
