// Package invokeapi is the Lambda Invoke API for the local functions, as `sam local start-lambda` has it.
package invokeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"lease-gateway/local/lambdahost"
	"lease-gateway/local/template"
)

const payloadMax = 6 << 20 // bytes, as on AWS

// Host is what runs the functions.
type Host interface {
	Has(function string) bool
	Invoke(ctx context.Context, function string, payload []byte) (lambdahost.Result, error)
}

// Handler serves POST /2015-03-31/functions/{name}/invocations. The name may be an ARN.
func Handler(host Host) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		name := template.FunctionName(r.PathValue("name"))
		payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, payloadMax))
		switch {
		case err != nil:
			refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
			return
		case len(payload) == 0:
			payload = []byte("{}")
		case !json.Valid(payload):
			refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
			return
		}
		if !host.Has(name) {
			refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:"+name)
			return
		}
		switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
		case "", "RequestResponse":
			result, err := host.Invoke(r.Context(), name, payload)
			if err != nil {
				status, code := http.StatusInternalServerError, "ServiceException"
				if errors.Is(err, lambdahost.ErrUnknownFunction) {
					status, code = http.StatusNotFound, "ResourceNotFoundException"
				}
				refuse(w, status, code, err.Error())
				return
			}
			header := w.Header()
			header.Set("Content-Type", "application/json")
			header.Set("X-Amz-Executed-Version", "$LATEST")
			header.Set("X-Amzn-Requestid", result.RequestID)
			if result.Error != "" {
				header.Set("X-Amz-Function-Error", result.Error)
			}
			_, _ = w.Write(result.Payload) // a client that is gone needs no answer
		case "Event":
			go func() { _, _ = host.Invoke(context.WithoutCancel(r.Context()), name, payload) }() // its failure stands in the log
			w.WriteHeader(http.StatusAccepted)
		case "DryRun":
			w.WriteHeader(http.StatusNoContent)
		default:
			refuse(w, http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf("invocation type %q", kind))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "UnknownOperationException", "only POST /2015-03-31/functions/{name}/invocations is served here")
	})
	return mux
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message}) // as above
}
