"""Settings of a Django project with the app `lab`, on SQLite or PostgreSQL.

The database is told as `oracle.py` is told: ORACLE_DB, a SQLite file, or ORACLE_PG, a JSON object of connection settings.
ORACLE_LAB_MIGRATIONS is a folder for the migrations of lab: `manage.py makemigrations lab` writes them there and
`manage.py migrate` applies them. Without it lab has none, which is enough to read and write tables that something else made.
ORACLE_APPS are further apps, divided by commas.
"""
import json
import os
import sys

if os.environ.get("ORACLE_PG"):
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["ORACLE_PG"])}}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("ORACLE_DB", ":memory:")}}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "lab"]
INSTALLED_APPS += [app for app in os.environ.get("ORACLE_APPS", "").split(",") if app]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"lab": None}
if os.environ.get("ORACLE_LAB_MIGRATIONS"):
    package = os.path.join(os.environ["ORACLE_LAB_MIGRATIONS"], "lab_migrations")
    os.makedirs(package, exist_ok=True)
    open(os.path.join(package, "__init__.py"), "a").close()
    sys.path.insert(0, os.environ["ORACLE_LAB_MIGRATIONS"])
    MIGRATION_MODULES = {"lab": "lab_migrations"}
SECRET_KEY = "oracle"
USE_TZ = True
TIME_ZONE = "UTC"
# ImageField without Pillow, a default that may be wrong, and the options that one of the two engines leaves out.
SILENCED_SYSTEM_CHECKS = ["fields.E210", "fields.W163", "fields.W342", "models.W036", "models.W037", "models.W038",
                          "models.W039", "models.W040", "models.W046", "models.W047"]
