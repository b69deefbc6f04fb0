"""The warehouse behind the ERP's files: orders come in, goods go out and come back, exports tell of it."""
