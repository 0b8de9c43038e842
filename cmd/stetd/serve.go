package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"stet/syncengine/server"
)

// grace is how long running requests may take once the server is to stop.
const grace = 8 * time.Second

// serving is what serve is asked to do.
type serving struct {
	listen, cert, key string
	flush             bool
}

func serveCommand(open opener) *cobra.Command {
	var s serving
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the store until stopped", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := s.tls()
			if err != nil {
				return err
			}
			return withFile(cmd, open, func(ctx context.Context, st opened) error {
				return s.run(ctx, cmd, st, config)
			})
		},
	}
	cmd.Flags().StringVar(&s.listen, "listen", "127.0.0.1:8420", "address to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&s.cert, "tls-cert", "", "file of the certificate chain (PEM)")
	cmd.Flags().StringVar(&s.key, "tls-key", "", "file of the certificate's key (PEM)")
	cmd.Flags().BoolVar(&s.flush, "kinto-flush", false, "let anyone erase all notes by POST /kinto/v1/__flush__; for tests of Kinto's clients")
	return cmd
}

// tls reads the certificate; nil without one.
func (s serving) tls() (*tls.Config, error) {
	if s.cert == "" && s.key == "" {
		return nil, nil
	}
	if s.cert == "" || s.key == "" {
		return nil, usage("--tls-cert and --tls-key go together")
	}
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be used: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func (s serving) run(ctx context.Context, cmd *cobra.Command, st opened, config *tls.Config) error {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return s.explain(err)
	}
	same, err := st.Serve(ctx, uuid.NewString)
	if err != nil {
		return errors.Join(&storeError{st.path, err}, l.Close())
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	srv := server.HTTP(server.New(st, server.Options{Now: time.Now, NewID: uuid.NewString, Log: log, Flush: s.flush}), log)
	scheme := "http"
	if config != nil {
		scheme, srv.TLSConfig = "https", config
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "listening on %s://%s\n", scheme, l.Addr())
	if !same {
		log.Warn("the store is not the one that was served last: every device compares its notes once; tokens are as in this store (stetd token ls)")
	}
	ended := make(chan error, 1)
	go func() {
		if config != nil {
			ended <- srv.ServeTLS(l, "", "")
			return
		}
		ended <- srv.Serve(l)
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		return stop(srv)
	}
}

// stop lets running requests finish, then closes what is left.
func stop(srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return srv.Close()
	}
	return nil
}

// explain tells why an address cannot be listened on.
func (s serving) explain(err error) error {
	var addr *net.AddrError
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("the address %s is in use by another program", s.listen)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("the address %s may not be used: permission denied", s.listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("the address %s is not one of this machine", s.listen)
	case errors.As(err, &addr), errors.As(err, &dns):
		return usage(fmt.Sprintf("%q is no address to listen on", s.listen))
	}
	return fmt.Errorf("listen: %w", err)
}
