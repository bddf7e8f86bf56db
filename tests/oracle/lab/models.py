"""One model per thing whose schema matters: the tables that both sides must agree on."""
import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now


# --- primary keys -----------------------------------------------------------
class PkAuto(models.Model):
    id = models.AutoField(primary_key=True)


class PkBig(models.Model):
    id = models.BigAutoField(primary_key=True)


class PkSmall(models.Model):
    id = models.SmallAutoField(primary_key=True)


class PkUuid(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)


class PkChar(models.Model):
    code = models.CharField(max_length=8, primary_key=True)


class PkComposite(models.Model):
    pk = models.CompositePrimaryKey("tenant", "number")
    tenant = models.IntegerField()
    number = models.IntegerField()
    note = models.CharField(max_length=10)


# --- one model per column type: v is required, n is nullable -----------------
class TBigInteger(models.Model):
    v = models.BigIntegerField()
    n = models.BigIntegerField(null=True)


class TBinary(models.Model):
    v = models.BinaryField()
    n = models.BinaryField(null=True)


class TBoolean(models.Model):
    v = models.BooleanField()
    n = models.BooleanField(null=True)


class TChar(models.Model):
    v = models.CharField(max_length=40)
    n = models.CharField(max_length=40, null=True)


class TCharUnlimited(models.Model):
    v = models.CharField()


class TDate(models.Model):
    v = models.DateField()
    n = models.DateField(null=True)


class TDateTime(models.Model):
    v = models.DateTimeField()
    n = models.DateTimeField(null=True)


class TDecimal(models.Model):
    v = models.DecimalField(max_digits=12, decimal_places=4)
    n = models.DecimalField(max_digits=30, decimal_places=10, null=True)


class TDuration(models.Model):
    v = models.DurationField()
    n = models.DurationField(null=True)


class TEmail(models.Model):
    v = models.EmailField()


class TFile(models.Model):
    v = models.FileField(upload_to="up/")


class TFilePath(models.Model):
    v = models.FilePathField(path="")


class TFloat(models.Model):
    v = models.FloatField()
    n = models.FloatField(null=True)


class TGenerated(models.Model):
    a = models.IntegerField()
    b = models.IntegerField()
    total = models.GeneratedField(expression=F("a") + F("b"), db_persist=True,
                                  output_field=models.IntegerField())


class TIP(models.Model):
    v = models.GenericIPAddressField()
    n = models.GenericIPAddressField(null=True)


class TImage(models.Model):
    v = models.ImageField(upload_to="img/")


class TInteger(models.Model):
    v = models.IntegerField()
    n = models.IntegerField(null=True)


class TJSON(models.Model):
    v = models.JSONField()
    n = models.JSONField(null=True)


class TPositiveBig(models.Model):
    v = models.PositiveBigIntegerField()


class TPositive(models.Model):
    v = models.PositiveIntegerField()


class TPositiveSmall(models.Model):
    v = models.PositiveSmallIntegerField()


class TSlug(models.Model):
    v = models.SlugField()


class TSmall(models.Model):
    v = models.SmallIntegerField()


class TText(models.Model):
    v = models.TextField()
    n = models.TextField(null=True)


class TTime(models.Model):
    v = models.TimeField()
    n = models.TimeField(null=True)


class TURL(models.Model):
    v = models.URLField()


class TUUID(models.Model):
    v = models.UUIDField()
    n = models.UUIDField(null=True)


# --- column options -----------------------------------------------------------
class Options(models.Model):
    uniq_int = models.IntegerField(unique=True)
    uniq_char = models.CharField(max_length=20, unique=True)
    uniq_text = models.TextField(unique=True)
    idx_int = models.IntegerField(db_index=True)
    idx_char = models.CharField(max_length=20, db_index=True)
    idx_text = models.TextField(db_index=True)
    slug_noidx = models.SlugField(db_index=False)
    renamed = models.CharField(max_length=5, db_column="Weird Column")
    with_default = models.IntegerField(default=7)
    db_def_int = models.IntegerField(db_default=5)
    db_def_str = models.CharField(max_length=9, db_default="it's 5%")
    db_def_now = models.DateTimeField(db_default=Now())
    choice = models.CharField(max_length=1, choices=[("a", "A"), ("b", "B")])
    commented = models.IntegerField(db_comment="counts 'things'")
    auto_now = models.DateTimeField(auto_now=True)
    auto_add = models.DateTimeField(auto_now_add=True)
    pos_null = models.PositiveIntegerField(null=True, unique=True)

    class Meta:
        db_table_comment = "every column option"


class Collated(models.Model):
    # "C" is a PostgreSQL collation and "nocase" a SQLite one, so this column
    # names neither; the option's shape is visible from the SQL in the spec.
    name = models.CharField(max_length=20)

    class Meta:
        db_table = "lab_Collated"


# --- relations ------------------------------------------------------------------
class Target(models.Model):
    name = models.CharField(max_length=20)
    code = models.CharField(max_length=6, unique=True)


def sentinel():
    return None


class FkEach(models.Model):
    cascade = models.ForeignKey(Target, models.CASCADE, related_name="+")
    protect = models.ForeignKey(Target, models.PROTECT, related_name="+")
    restrict = models.ForeignKey(Target, models.RESTRICT, related_name="+")
    set_null = models.ForeignKey(Target, models.SET_NULL, null=True, related_name="+")
    set_default = models.ForeignKey(Target, models.SET_DEFAULT, default=1, related_name="+")
    set_value = models.ForeignKey(Target, models.SET(sentinel), null=True, related_name="+")
    do_nothing = models.ForeignKey(Target, models.DO_NOTHING, related_name="+")


class FkOptions(models.Model):
    by_code = models.ForeignKey(Target, models.CASCADE, to_field="code", related_name="+")
    no_constraint = models.ForeignKey(Target, models.DO_NOTHING, db_constraint=False,
                                      related_name="+")
    no_index = models.ForeignKey(Target, models.CASCADE, db_index=False, related_name="+")
    unique_fk = models.ForeignKey(Target, models.CASCADE, unique=True, related_name="+")
    named = models.ForeignKey(Target, models.CASCADE, db_column="tgt", related_name="+")
    to_uuid = models.ForeignKey(PkUuid, models.CASCADE)
    to_char = models.ForeignKey(PkChar, models.CASCADE)
    to_small = models.ForeignKey(PkSmall, models.CASCADE)
    to_user = models.ForeignKey("auth.User", models.CASCADE)


class SelfRef(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    friends = models.ManyToManyField("self")
    follows = models.ManyToManyField("self", symmetrical=False, related_name="followers")


class OneToOne(models.Model):
    target = models.OneToOneField(Target, models.CASCADE)


class OneToOnePk(models.Model):
    target = models.OneToOneField(Target, models.CASCADE, primary_key=True)


class ParentModel(models.Model):
    title = models.CharField(max_length=10)


class ChildModel(ParentModel):
    extra = models.CharField(max_length=10)


class M2MAuto(models.Model):
    targets = models.ManyToManyField(Target)
    uuids = models.ManyToManyField(PkUuid)
    chars = models.ManyToManyField(PkChar)
    custom = models.ManyToManyField(Target, db_table="lab_custom_m2m", related_name="+")


class M2MThrough(models.Model):
    members = models.ManyToManyField(Target, through="Membership")


class Membership(models.Model):
    owner = models.ForeignKey(M2MThrough, models.CASCADE)
    target = models.ForeignKey(Target, models.CASCADE)
    joined = models.DateField()


# --- constraints and indexes ------------------------------------------------------
class UniqueTogether(models.Model):
    a = models.IntegerField()
    b = models.CharField(max_length=5)

    class Meta:
        unique_together = [("a", "b")]


class Uniques(models.Model):
    a = models.IntegerField()
    b = models.CharField(max_length=5)
    c = models.IntegerField(null=True)
    live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["a", "b"], name="lab_uc_plain"),
            models.UniqueConstraint(fields=["b"], condition=Q(live=True), name="lab_uc_cond"),
            models.UniqueConstraint(Lower("b"), "a", name="lab_uc_expr"),
            models.UniqueConstraint(fields=["c"], include=["a"], name="lab_uc_incl"),
            models.UniqueConstraint(fields=["a", "c"], name="lab_uc_defer",
                                    deferrable=models.Deferrable.DEFERRED),
            models.UniqueConstraint(fields=["live", "c"], name="lab_uc_immed",
                                    deferrable=models.Deferrable.IMMEDIATE),
            models.UniqueConstraint(fields=["c", "b"], name="lab_uc_nulls", nulls_distinct=False),
        ]


class Checks(models.Model):
    a = models.IntegerField()
    b = models.IntegerField(null=True)
    s = models.CharField(max_length=10)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(a__gte=1), name="lab_ck_gte"),
            models.CheckConstraint(condition=Q(a__lt=F("b")) | Q(b__isnull=True), name="lab_ck_or"),
            models.CheckConstraint(condition=Q(s__in=["x", "it's", "50%"]), name="lab_ck_in"),
            models.CheckConstraint(condition=~Q(s="no"), name="lab_ck_not"),
            models.CheckConstraint(condition=Q(a__range=(1, 9)), name="lab_ck_range"),
            models.CheckConstraint(condition=Q(s__startswith="x%_"), name="lab_ck_like"),
        ]


class Indexes(models.Model):
    a = models.IntegerField()
    b = models.CharField(max_length=5)
    c = models.DateTimeField()
    d = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["a", "b"]),
            models.Index(fields=["-c"]),
            models.Index(fields=["a", "-c"], name="lab_ix_named"),
            models.Index(fields=["b"], condition=Q(d=True), name="lab_ix_cond"),
            models.Index(fields=["c"], include=["a"], name="lab_ix_incl"),
            models.Index(Lower("b").desc(), "a", name="lab_ix_expr"),
        ]


class AVeryLongModelNameThatGoesOnAndOnSoTheTableNameMustBeCutDown(models.Model):
    a_rather_long_column_name_used_for_an_index = models.IntegerField(db_index=True)
    another_rather_long_column_name_for_the_pair = models.IntegerField()
    an_equally_long_relation_name_pointing_at_target = models.ForeignKey(Target, models.CASCADE)
    a_long_many_to_many_name = models.ManyToManyField(Target, related_name="+")

    class Meta:
        unique_together = [("a_rather_long_column_name_used_for_an_index",
                            "another_rather_long_column_name_for_the_pair")]


class LongAuto(models.Model):
    a_rather_long_column_name_used_for_an_index = models.CharField(max_length=9, db_index=True)

    class Meta:
        db_table = "lab_a_table_whose_name_is_exactly_sixty_three_characters_long_x"


# --- what ends up in content types and permissions -----------------------------------
class WithPerms(models.Model):
    title = models.CharField(max_length=10)

    class Meta:
        verbose_name = "fancy thing"
        default_permissions = ("add", "view")
        permissions = [("publish_it", "Can publish it")]


class ProxyTarget(Target):
    class Meta:
        proxy = True
        verbose_name = "proxied target"


class Unmanaged(models.Model):
    title = models.CharField(max_length=10)

    class Meta:
        managed = False
        db_table = "lab_unmanaged_view"


# --- used through the admin to make LogEntry rows --------------------------------------
class Shelf(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self):
        return self.name


class Book(models.Model):
    shelf = models.ForeignKey(Shelf, models.CASCADE)
    title = models.CharField(max_length=20)
    pages = models.IntegerField(default=1, verbose_name="number of pages")

    def __str__(self):
        return self.title
