package pypi

import (
	"encoding/hex"
	"encoding/json"

	"entrepot/cache"
)

// maxAttestations is more than any file has: one for the build, one for the publish.
const maxAttestations = 16

// provenanceOf makes a provenance object (PEP 740) of the attestations that came with a file. They must be about the
// file; whether to trust who signed them is for those who read them, with the keys to it in the attestations.
func provenanceOf(attestations, file string, sha256 []byte) ([]byte, error) {
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(attestations), &all); err != nil || len(all) == 0 || len(all) > maxAttestations {
		return nil, cache.Invalidf("the field attestations is no list of 1 to %d attestations", maxAttestations)
	}
	for _, raw := range all {
		if err := checkAttestation(raw, file, sha256); err != nil {
			return nil, err
		}
	}
	list, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	b := append([]byte(`{"version":1,"attestation_bundles":[{"publisher":{"kind":"upload"},"attestations":`), list...)
	return append(b, "}]}"...), nil
}

// checkAttestation reads an attestation's statement (in-toto): its one subject is the file.
func checkAttestation(raw json.RawMessage, file string, sha256 []byte) error {
	var a struct {
		Version  int `json:"version"`
		Envelope struct {
			Statement []byte `json:"statement"`
			Signature []byte `json:"signature"`
		} `json:"envelope"`
		Material json.RawMessage `json:"verification_material"`
	}
	if err := json.Unmarshal(raw, &a); err != nil || a.Version != 1 || len(a.Envelope.Signature) == 0 || len(a.Material) == 0 {
		return cache.Invalidf("an attestation is not of version 1, or not whole")
	}
	var statement struct {
		Subject []struct {
			Name   string            `json:"name"`
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if err := json.Unmarshal(a.Envelope.Statement, &statement); err != nil || len(statement.Subject) != 1 {
		return cache.Invalidf("an attestation has no statement about one file")
	}
	s := statement.Subject[0]
	if s.Name != file || s.Digest["sha256"] != hex.EncodeToString(sha256) {
		return cache.Invalidf("an attestation is about %.200q of sha256 %.64q, not about this file", s.Name, s.Digest["sha256"])
	}
	return nil
}
