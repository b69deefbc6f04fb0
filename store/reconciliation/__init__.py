"""What a reconciliation reads, stages and finds: runs, inputs, our own half of every pair, findings."""
