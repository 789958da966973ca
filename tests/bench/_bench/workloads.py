"""The rows of the table, in the order in which they run: what frees inodes
comes last, as ext4 without a journal does not give them out again for minutes
and makes creating slow."""

from rows_read import rows_content, rows_listing
from rows_state import rows_idle, rows_lock
from rows_tree import rows_tree
from rows_write import rows_churn, rows_put


def workloads_all(sizes):
    made, removed = rows_tree(sizes)
    return (rows_content(sizes) + rows_listing(sizes) + rows_idle(sizes)
            + rows_put(sizes) + rows_lock(sizes) + made
            + rows_churn(sizes) + removed)
