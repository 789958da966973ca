#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Says in a store's engine that a later format wrote it: the record 'M'
 * "format", a version byte and a little-endian number (store/meta.c).
 */
static void
need(int rc)
{
	if (rc == MDB_SUCCESS)
		return;
	fprintf(stderr, "format: %s\n", mdb_strerror(rc));
	exit(1);
}

int
main(int argc, char **argv)
{
	static char name[] = "Mformat";
	unsigned char record[9] = { 1, 0 };
	MDB_val key = { sizeof(name) - 1, name };
	MDB_val old, value = { sizeof(record), record };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;

	if (argc != 3)
		return 2;
	record[1] = (unsigned char)strtoul(argv[2], NULL, 10);
	need(mdb_env_create(&env));
	need(mdb_env_open(env, argv[1], 0, 0600));
	need(mdb_txn_begin(env, NULL, 0, &txn));
	need(mdb_dbi_open(txn, NULL, 0, &table));
	need(mdb_get(txn, table, &key, &old));
	if (old.mv_size != sizeof(record) ||
	    memcmp(old.mv_data, record, 1) != 0)
		return 1;
	need(mdb_put(txn, table, &key, &value, 0));
	need(mdb_txn_commit(txn));
	mdb_env_close(env);
	return 0;
}
