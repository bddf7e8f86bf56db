CREATE OR REPLACE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_ins"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $nuages1$
-- AFTER INSERT ON "blog_comment" REFERENCING NEW TABLE AS added FOR EACH STATEMENT
DECLARE
  one record;
BEGIN
  SELECT moved.*, count(*) OVER () AS parents INTO one FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT added."post_id" AS key, 1 AS n0, CASE WHEN added."is_public" THEN coalesce(added."score", 0) ELSE 0 END AS n1, added."at" AS a2, CAST(NULL AS timestamp with time zone) AS r2 FROM added WHERE added."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2 LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF one.parents = 1 THEN
    UPDATE "blog_post" AS parent SET "comment_count" = parent."comment_count" + one.n0, "score" = parent."score" + one.n1, "latest" = greatest(parent."latest", one.a2) WHERE parent."id" = one.key AND (one.n0 <> 0 OR one.n1 <> 0 OR greatest(parent."latest", one.a2) IS DISTINCT FROM parent."latest");
  ELSE
    EXECUTE $nuages$SELECT 1 FROM "blog_post" AS parent WHERE parent."id" IN (SELECT moved.key FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT added."post_id" AS key, 1 AS n0, CASE WHEN added."is_public" THEN coalesce(added."score", 0) ELSE 0 END AS n1, added."at" AS a2, CAST(NULL AS timestamp with time zone) AS r2 FROM added WHERE added."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2) ORDER BY parent."id" FOR NO KEY UPDATE$nuages$;
    EXECUTE $nuages$UPDATE "blog_post" AS parent SET "comment_count" = parent."comment_count" + moved.n0, "score" = parent."score" + moved.n1, "latest" = greatest(parent."latest", moved.a2) FROM (SELECT * FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT added."post_id" AS key, 1 AS n0, CASE WHEN added."is_public" THEN coalesce(added."score", 0) ELSE 0 END AS n1, added."at" AS a2, CAST(NULL AS timestamp with time zone) AS r2 FROM added WHERE added."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2) AS moved WHERE parent."id" = moved.key AND (moved.n0 <> 0 OR moved.n1 <> 0 OR greatest(parent."latest", moved.a2) IS DISTINCT FROM parent."latest")$nuages$;
  END IF;
  RETURN NULL;
END
$nuages1$;
CREATE TRIGGER "nuages_1_blog_comment_post_id_f8bcbf0d_ins" AFTER INSERT ON "blog_comment" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_ins"();
CREATE OR REPLACE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_del"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $nuages1$
-- AFTER DELETE ON "blog_comment" REFERENCING OLD TABLE AS removed FOR EACH STATEMENT
DECLARE
  one record;
BEGIN
  SELECT moved.*, count(*) OVER () AS parents INTO one FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT removed."post_id" AS key, -1 AS n0, CASE WHEN removed."is_public" THEN -coalesce(removed."score", 0) ELSE 0 END AS n1, CAST(NULL AS timestamp with time zone) AS a2, removed."at" AS r2 FROM removed WHERE removed."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2 LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF one.parents = 1 THEN
    PERFORM 1 FROM "blog_post" AS parent WHERE parent."id" = one.key FOR NO KEY UPDATE;
    UPDATE "blog_post" AS parent SET "comment_count" = parent."comment_count" + one.n0, "score" = parent."score" + one.n1, "latest" = CASE WHEN one.r2 >= parent."latest" AND (one.a2 IS NULL OR parent."latest" > one.a2) THEN (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id") ELSE greatest(parent."latest", one.a2) END WHERE parent."id" = one.key AND (one.n0 <> 0 OR one.n1 <> 0 OR (one.r2 >= parent."latest" AND (one.a2 IS NULL OR parent."latest" > one.a2)) OR greatest(parent."latest", one.a2) IS DISTINCT FROM parent."latest");
  ELSE
    EXECUTE $nuages$SELECT 1 FROM "blog_post" AS parent WHERE parent."id" IN (SELECT moved.key FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT removed."post_id" AS key, -1 AS n0, CASE WHEN removed."is_public" THEN -coalesce(removed."score", 0) ELSE 0 END AS n1, CAST(NULL AS timestamp with time zone) AS a2, removed."at" AS r2 FROM removed WHERE removed."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2) ORDER BY parent."id" FOR NO KEY UPDATE$nuages$;
    EXECUTE $nuages$UPDATE "blog_post" AS parent SET "comment_count" = parent."comment_count" + moved.n0, "score" = parent."score" + moved.n1, "latest" = CASE WHEN moved.r2 >= parent."latest" AND (moved.a2 IS NULL OR parent."latest" > moved.a2) THEN (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id") ELSE greatest(parent."latest", moved.a2) END FROM (SELECT * FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT removed."post_id" AS key, -1 AS n0, CASE WHEN removed."is_public" THEN -coalesce(removed."score", 0) ELSE 0 END AS n1, CAST(NULL AS timestamp with time zone) AS a2, removed."at" AS r2 FROM removed WHERE removed."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2) AS moved WHERE parent."id" = moved.key AND (moved.n0 <> 0 OR moved.n1 <> 0 OR (moved.r2 >= parent."latest" AND (moved.a2 IS NULL OR parent."latest" > moved.a2)) OR greatest(parent."latest", moved.a2) IS DISTINCT FROM parent."latest")$nuages$;
  END IF;
  RETURN NULL;
END
$nuages1$;
CREATE TRIGGER "nuages_1_blog_comment_post_id_f8bcbf0d_del" AFTER DELETE ON "blog_comment" REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_del"();
CREATE OR REPLACE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_upd"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $nuages1$
-- AFTER UPDATE ON "blog_comment" REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT
DECLARE
  one record;
BEGIN
  SELECT moved.*, count(*) OVER () AS parents INTO one FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT added."post_id" AS key, 1 AS n0, CASE WHEN added."is_public" THEN coalesce(added."score", 0) ELSE 0 END AS n1, added."at" AS a2, CAST(NULL AS timestamp with time zone) AS r2 FROM added WHERE added."post_id" IS NOT NULL UNION ALL SELECT removed."post_id" AS key, -1 AS n0, CASE WHEN removed."is_public" THEN -coalesce(removed."score", 0) ELSE 0 END AS n1, CAST(NULL AS timestamp with time zone) AS a2, removed."at" AS r2 FROM removed WHERE removed."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2 LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF one.parents = 1 THEN
    PERFORM 1 FROM "blog_post" AS parent WHERE parent."id" = one.key FOR NO KEY UPDATE;
    UPDATE "blog_post" AS parent SET "comment_count" = parent."comment_count" + one.n0, "score" = parent."score" + one.n1, "latest" = CASE WHEN one.r2 >= parent."latest" AND (one.a2 IS NULL OR parent."latest" > one.a2) THEN (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id") ELSE greatest(parent."latest", one.a2) END WHERE parent."id" = one.key AND (one.n0 <> 0 OR one.n1 <> 0 OR (one.r2 >= parent."latest" AND (one.a2 IS NULL OR parent."latest" > one.a2)) OR greatest(parent."latest", one.a2) IS DISTINCT FROM parent."latest");
  ELSE
    EXECUTE $nuages$SELECT 1 FROM "blog_post" AS parent WHERE parent."id" IN (SELECT moved.key FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT added."post_id" AS key, 1 AS n0, CASE WHEN added."is_public" THEN coalesce(added."score", 0) ELSE 0 END AS n1, added."at" AS a2, CAST(NULL AS timestamp with time zone) AS r2 FROM added WHERE added."post_id" IS NOT NULL UNION ALL SELECT removed."post_id" AS key, -1 AS n0, CASE WHEN removed."is_public" THEN -coalesce(removed."score", 0) ELSE 0 END AS n1, CAST(NULL AS timestamp with time zone) AS a2, removed."at" AS r2 FROM removed WHERE removed."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2) ORDER BY parent."id" FOR NO KEY UPDATE$nuages$;
    EXECUTE $nuages$UPDATE "blog_post" AS parent SET "comment_count" = parent."comment_count" + moved.n0, "score" = parent."score" + moved.n1, "latest" = CASE WHEN moved.r2 >= parent."latest" AND (moved.a2 IS NULL OR parent."latest" > moved.a2) THEN (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id") ELSE greatest(parent."latest", moved.a2) END FROM (SELECT * FROM (SELECT rows.key, sum(rows.n0) AS n0, sum(rows.n1) AS n1, max(rows.a2) AS a2, max(rows.r2) AS r2 FROM (SELECT added."post_id" AS key, 1 AS n0, CASE WHEN added."is_public" THEN coalesce(added."score", 0) ELSE 0 END AS n1, added."at" AS a2, CAST(NULL AS timestamp with time zone) AS r2 FROM added WHERE added."post_id" IS NOT NULL UNION ALL SELECT removed."post_id" AS key, -1 AS n0, CASE WHEN removed."is_public" THEN -coalesce(removed."score", 0) ELSE 0 END AS n1, CAST(NULL AS timestamp with time zone) AS a2, removed."at" AS r2 FROM removed WHERE removed."post_id" IS NOT NULL) AS rows GROUP BY rows.key) AS moved WHERE moved.n0 <> 0 OR moved.n1 <> 0 OR moved.a2 IS DISTINCT FROM moved.r2) AS moved WHERE parent."id" = moved.key AND (moved.n0 <> 0 OR moved.n1 <> 0 OR (moved.r2 >= parent."latest" AND (moved.a2 IS NULL OR parent."latest" > moved.a2)) OR greatest(parent."latest", moved.a2) IS DISTINCT FROM parent."latest")$nuages$;
  END IF;
  RETURN NULL;
END
$nuages1$;
CREATE TRIGGER "nuages_1_blog_comment_post_id_f8bcbf0d_upd" AFTER UPDATE ON "blog_comment" REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_upd"();
CREATE OR REPLACE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_tru"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $nuages$
-- AFTER TRUNCATE ON "blog_comment" FOR EACH STATEMENT
BEGIN
  UPDATE "blog_post" SET "comment_count" = 0, "score" = 0, "latest" = NULL WHERE "comment_count" IS DISTINCT FROM 0 OR "score" IS DISTINCT FROM 0 OR "latest" IS DISTINCT FROM NULL;
  RETURN NULL;
END
$nuages$;
CREATE TRIGGER "nuages_1_blog_comment_post_id_f8bcbf0d_tru" AFTER TRUNCATE ON "blog_comment" FOR EACH STATEMENT EXECUTE FUNCTION "nuages_1_blog_comment_post_id_f8bcbf0d_tru"();
CREATE OR REPLACE FUNCTION "nuages_0_blog_post_kept_47443505_set"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $nuages$
-- BEFORE UPDATE OF "comment_count", "score", "latest" ON "blog_post" FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND (OLD."comment_count" IS DISTINCT FROM NEW."comment_count" OR OLD."score" IS DISTINCT FROM NEW."score" OR OLD."latest" IS DISTINCT FROM NEW."latest") AND current_setting('nuages.recount', true) IS DISTINCT FROM 'on')
BEGIN
  NEW."comment_count" := OLD."comment_count";
  NEW."score" := OLD."score";
  NEW."latest" := OLD."latest";
  RETURN NEW;
END
$nuages$;
CREATE TRIGGER "nuages_0_blog_post_kept_47443505_set" BEFORE UPDATE OF "comment_count", "score", "latest" ON "blog_post" FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND (OLD."comment_count" IS DISTINCT FROM NEW."comment_count" OR OLD."score" IS DISTINCT FROM NEW."score" OR OLD."latest" IS DISTINCT FROM NEW."latest") AND current_setting('nuages.recount', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION "nuages_0_blog_post_kept_47443505_set"();
CREATE OR REPLACE FUNCTION "nuages_0_blog_post_kept_47443505_ini"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $nuages$
-- BEFORE INSERT ON "blog_post" FOR EACH ROW WHEN (NEW."comment_count" IS DISTINCT FROM 0 OR NEW."score" IS DISTINCT FROM 0 OR NEW."latest" IS DISTINCT FROM NULL)
BEGIN
  NEW."comment_count" := 0;
  NEW."score" := 0;
  NEW."latest" := NULL;
  RETURN NEW;
END
$nuages$;
CREATE TRIGGER "nuages_0_blog_post_kept_47443505_ini" BEFORE INSERT ON "blog_post" FOR EACH ROW WHEN (NEW."comment_count" IS DISTINCT FROM 0 OR NEW."score" IS DISTINCT FROM 0 OR NEW."latest" IS DISTINCT FROM NULL) EXECUTE FUNCTION "nuages_0_blog_post_kept_47443505_ini"();
CREATE OR REPLACE FUNCTION "nuages_0_blog_post_kept_47443505_new"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan TO off AS $nuages1$
-- AFTER INSERT ON "blog_post" REFERENCING NEW TABLE AS added FOR EACH STATEMENT
BEGIN
  IF EXISTS (SELECT 1 FROM added CROSS JOIN LATERAL (SELECT count(*) AS n FROM "blog_comment" AS child WHERE child."post_id" = added."id") AS children WHERE children.n > 0) THEN
    EXECUTE $nuages$UPDATE "blog_post" AS parent SET "comment_count" = (SELECT count(*) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)), "score" = (SELECT coalesce(sum(child."score"), 0) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND (child."is_public") AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)), "latest" = (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)) FROM added WHERE parent."id" = added."id" AND (parent."comment_count" IS DISTINCT FROM (SELECT count(*) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)) OR parent."score" IS DISTINCT FROM (SELECT coalesce(sum(child."score"), 0) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND (child."is_public") AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)) OR parent."latest" IS DISTINCT FROM (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)))$nuages$;
  END IF;
  RETURN NULL;
END
$nuages1$;
CREATE TRIGGER "nuages_0_blog_post_kept_47443505_new" AFTER INSERT ON "blog_post" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "nuages_0_blog_post_kept_47443505_new"();
CREATE OR REPLACE FUNCTION "nuages_0_blog_post_kept_47443505_key"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $nuages$
-- AFTER UPDATE OF "id" ON "blog_post" FOR EACH ROW WHEN (OLD."id" IS DISTINCT FROM NEW."id")
BEGIN
  UPDATE "blog_post" AS parent SET "comment_count" = (SELECT count(*) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)), "score" = (SELECT coalesce(sum(child."score"), 0) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND (child."is_public") AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)), "latest" = (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)) WHERE parent."id" = NEW."id" AND (parent."comment_count" IS DISTINCT FROM (SELECT count(*) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)) OR parent."score" IS DISTINCT FROM (SELECT coalesce(sum(child."score"), 0) FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND (child."is_public") AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)) OR parent."latest" IS DISTINCT FROM (SELECT max(child."at") FROM "blog_comment" AS child WHERE child."post_id" = parent."id" AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)));
  RETURN NULL;
END
$nuages$;
CREATE TRIGGER "nuages_0_blog_post_kept_47443505_key" AFTER UPDATE OF "id" ON "blog_post" FOR EACH ROW WHEN (OLD."id" IS DISTINCT FROM NEW."id") EXECUTE FUNCTION "nuages_0_blog_post_kept_47443505_key"();
