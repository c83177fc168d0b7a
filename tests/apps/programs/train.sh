#!/bin/bash
# SPDX-License-Identifier: MIT
# Trains 4 steps, of which step k has the loss k * $1. On SIGTERM it writes its checkpoint, and ends as if all were well.
done=0
[[ -s $HYPEROPT_CHECKPOINT ]] && read -r done <"$HYPEROPT_CHECKPOINT"
echo "begins after $done" >>"$HYPEROPT_TRIAL_DIRECTORY/attempts.txt"
save() {
    echo "$done" >"$HYPEROPT_CHECKPOINT.new"
    mv "$HYPEROPT_CHECKPOINT.new" "$HYPEROPT_CHECKPOINT"
    exit 0
}
trap save TERM
if [[ $2 == hang ]]; then
    trap '' TERM
    setsid sleep 1000 &
fi
for step in 1 2 3 4; do
    ((step > done)) || continue
    sleep 0.05
    done=$step # before the report: bash runs the trap as soon as the report ends, and the test signals when it sees it
    hyperopt-app report-metric "loss=$((step * $1))" "step=$step"
    while [[ $2 == hang ]] || ((step * $1 > 5)) || [[ $2$step$HYPEROPT_RESUMED == wait20 ]]; do sleep 0.05; done
done
