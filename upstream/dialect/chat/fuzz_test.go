package chat

import "testing"

func FuzzReply(f *testing.F) { contract.FuzzReply(f) }

func FuzzEvent(f *testing.F) { contract.FuzzEvent(f) }
