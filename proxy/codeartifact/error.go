package codeartifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/auth"
)

// Error is an error of the service's model.
type Error struct {
	Type         string // "ResourceNotFoundException" …
	Status       int
	Message      string
	ResourceID   string
	ResourceType string // domain, repository, package, package-version, asset
	Reason       string // of a ValidationException
	RetryAfter   int    // seconds, of a ThrottlingException
}

func (e *Error) Error() string { return e.Message }

// MarshalJSON writes the members that the error's type has.
func (e *Error) MarshalJSON() ([]byte, error) {
	out := object{"__type": e.Type, "message": e.Message}
	if e.ResourceType != "" {
		out["resourceId"], out["resourceType"] = e.ResourceID, e.ResourceType
	}
	if e.Reason != "" {
		out["reason"] = e.Reason
	}
	if e.RetryAfter > 0 {
		out["retryAfterSeconds"] = e.RetryAfter
	}
	return json.Marshal(map[string]any(out))
}

// The reasons of a ValidationException.
const (
	cannotParse      = "CANNOT_PARSE"
	encryptionKey    = "ENCRYPTION_KEY_ERROR"
	fieldInvalid     = "FIELD_VALIDATION_FAILED"
	unknownOperation = "UNKNOWN_OPERATION"
	otherReason      = "OTHER"
)

func invalid(reason, format string, args ...any) *Error {
	return &Error{Type: "ValidationException", Status: http.StatusBadRequest, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) *Error {
	return &Error{Type: "AccessDeniedException", Status: http.StatusForbidden, Message: fmt.Sprintf(format, args...)}
}

func absent(kind, id, format string, args ...any) *Error {
	return &Error{Type: "ResourceNotFoundException", Status: http.StatusNotFound, ResourceType: kind, ResourceID: id, Message: fmt.Sprintf(format, args...)}
}

func conflict(kind, id, format string, args ...any) *Error {
	return &Error{Type: "ConflictException", Status: http.StatusConflict, ResourceType: kind, ResourceID: id, Message: fmt.Sprintf(format, args...)}
}

func overQuota(kind, id, format string, args ...any) *Error {
	return &Error{Type: "ServiceQuotaExceededException", Status: http.StatusPaymentRequired, ResourceType: kind, ResourceID: id, Message: fmt.Sprintf(format, args...)}
}

// modelled says an error of ours in the service's terms.
func modelled(err error) *Error {
	var (
		own      *Error
		refused  *cache.Refused
		bad      *cache.Invalid
		failure  *auth.Failure
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &failure) && failure.RetryAfter > 0:
		return &Error{Type: "ThrottlingException", Status: http.StatusTooManyRequests, Message: failure.Error(), RetryAfter: int(failure.RetryAfter.Seconds()) + 1}
	case errors.As(err, &failure):
		return denied("%s", failure.Reason)
	case errors.As(err, &refused):
		return denied("%s", refused.Error())
	case errors.As(err, &tooLarge), errors.Is(err, cache.ErrTooLarge):
		return invalid(otherReason, "the request is too large")
	case errors.As(err, &bad):
		return invalid(otherReason, "%s", bad.Reason)
	case errors.Is(err, cache.ErrConflict):
		return &Error{Type: "ConflictException", Status: http.StatusConflict, Message: err.Error()}
	case errors.Is(err, cache.ErrAbsent):
		return &Error{Type: "ResourceNotFoundException", Status: http.StatusNotFound, Message: err.Error()}
	case errors.Is(err, context.Canceled):
		return &Error{Type: "InternalServerException", Status: http.StatusServiceUnavailable, Message: "the request was given up"}
	}
	return &Error{Type: "InternalServerException", Status: http.StatusInternalServerError, Message: "something went wrong here; the log has the details"}
}

// object is a JSON object on its way out. Members that are nil or empty strings are left out.
type object map[string]any

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(o))
	for k, v := range o {
		if v != nil && v != "" {
			out[k] = v
		}
	}
	return json.Marshal(out)
}
