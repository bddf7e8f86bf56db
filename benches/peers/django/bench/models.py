"""The table that all benchmarks read."""
from django.db import models


class Item(models.Model):
    name = models.TextField()
    price = models.FloatField()
    qty = models.IntegerField()
    active = models.BooleanField()
    created = models.DateTimeField()
    note = models.TextField(null=True)
