#!/usr/bin/env bash
here=$(cd "$(dirname "$0")" && pwd)
. "$here/helpers.sh"
. "$here/../lib/store.sh"

for day in 2024-01-01 1999-12-31; do
  is_date "$day"
  is "$day is a date" $? 0
done
for day in 2024-1-1 "2024-01-01 " x; do
  is_date "$day"
  is "'$day' is none" $? 1
done
finish
