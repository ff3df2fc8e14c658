-- A picture of the bucket. A deleted one stays as a row without embedding, so that every index hears of it.
CREATE TABLE IF NOT EXISTS pictures (
  key TEXT PRIMARY KEY,
  etag TEXT,             -- of the bytes that were embedded
  changed INTEGER,       -- when they were uploaded or deleted, ms: an older change never replaces a newer one
  model TEXT NOT NULL,   -- embeddings of different models do not compare
  embedding BLOB,        -- little-endian float32, unit length
  version INTEGER        -- counts up with every change: what comes after the latest one seen is new
);
CREATE INDEX IF NOT EXISTS pictures_by_version ON pictures (version);

-- Pictures that cannot be embedded, and why.
CREATE TABLE IF NOT EXISTS broken (
  key TEXT PRIMARY KEY,
  code TEXT NOT NULL,    -- AlignError's, or gave_up after the last retry
  message TEXT NOT NULL
);
