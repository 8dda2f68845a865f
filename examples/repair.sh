#!/bin/sh
# What a person would do at the hold of `repair.yaml`: look, repair, let the step run again.
set -eu

echo "repair: step $HOLDPOINT_STEP exited with $HOLDPOINT_EXIT_CODE:"
grep 'panicked' "$HOLDPOINT_LOG"

cd "$HOLDPOINT_FOLDER"
sed 's/price + price/price - price/' shop.rs > repaired.rs
mv repaired.rs shop.rs

holdpoint retry --run "$HOLDPOINT_RUN"
