package blobtest

import (
	"testing"

	"entrepot/cache/blob"
)

func TestFake(t *testing.T) {
	Test(t, func(*testing.T) blob.Store { return Fake() })
}
