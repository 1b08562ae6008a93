#!/usr/bin/env bats

quote() {
  "$BATS_TEST_DIRNAME/../bin/bats-names-with-escapes" "$@"
}

@test "\"two words\" stay together" {
  [ "$(quote "two words")" = 'two\ words' ]
}

@test "a \$dollar is no variable" {
  [ "$(quote '$HOME')" = '\$HOME' ]
}

@test "a back\\slash, a 'quote' & more" {
  [ "$(quote "it's")" = "it\\'s" ]
}

@test "nothing stays nothing" {
  [ -z "$(quote)" ]
}
