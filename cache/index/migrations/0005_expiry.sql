-- To forget tokens that have ended: a fleet of builds asks for one each.
CREATE INDEX tokens_expires ON tokens (expires) WHERE expires IS NOT NULL;
