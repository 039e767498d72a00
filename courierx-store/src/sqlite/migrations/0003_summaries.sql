-- What lists show of a message's content, sealed: so that a page need not open contents of any size.
ALTER TABLE courierx_messages ADD COLUMN summary BLOB;
