#!/usr/bin/env python3
"""Django's own commands for the app `lab`: `makemigrations lab`, `migrate`, `shell -c …`. See lab_settings.py."""
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lab_settings")
    execute_from_command_line(sys.argv)
