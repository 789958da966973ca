#include "auth/accounts.h"

#include "server/base/random.h"
#include "store/keys.h"
#include "store/meta.h"

enum outcome
accounts_changed(struct txn *txn)
{
	uint64_t mark;

	random_fill(&mark, sizeof(mark));
	return meta_put(txn, TEXT("accounts"), mark);
}

enum outcome
accounts_mark(struct txn *txn, uint64_t *ret_mark)
{
	struct text value;
	struct key key;
	enum outcome outcome = txn_get(txn,
	    key_text(&key, KEY_META, TEXT("accounts")), &value);

	if (outcome == OK)
		return meta_decode(value, ret_mark);
	if (outcome == NOT_FOUND)
		*ret_mark = 0;
	return outcome == NOT_FOUND ? OK : outcome;
}
