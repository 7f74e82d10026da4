package main

import (
	"maps"

	"entrepot/config"
	"entrepot/proxy/format"
	"entrepot/proxy/format/cargo"
	"entrepot/proxy/format/generic"
	"entrepot/proxy/format/golang"
	"entrepot/proxy/format/maven"
	"entrepot/proxy/format/npm"
	"entrepot/proxy/format/pypi"
)

// protocols makes the formats that are spoken here. databases are the checksum databases of Go connections, layouts
// those of generic ones.
func protocols(databases, layouts map[string]string) (map[string]format.Format, error) {
	modules, err := golang.New(golang.Options{SumDB: databases})
	if err != nil {
		return nil, err
	}
	files, err := generic.New(generic.Options{Layout: layouts})
	if err != nil {
		return nil, err
	}
	out := map[string]format.Format{}
	for _, f := range []format.Format{
		npm.Format{},
		pypi.Format{},
		modules,
		maven.Format{},
		cargo.Format{},
		files,
	} {
		out[f.Name()] = f
	}
	return out, nil
}

// served are the well-known connections whose protocol is spoken here, with their formats.
func served() map[string]string {
	spoken, _ := protocols(nil, nil) // only what is configured can be wrong
	out := config.Public()
	maps.DeleteFunc(out, func(_, name string) bool { return spoken[name] == nil })
	return out
}

// formats are the protocols, with what the configuration and the machine's tools say about them.
func (h *house) formats(file *config.File) (map[string]format.Format, error) {
	databases, layouts := map[string]string{}, map[string]string{}
	for _, a := range h.addresses.list() {
		if db := a.Extra["sumdb"]; db != "" {
			databases[a.Connection] = db
		}
	}
	for _, c := range file.Connections {
		if c.SumDB != "" {
			databases[c.Name] = c.SumDB
		}
		layouts[c.Name] = c.Layout
	}
	return protocols(databases, layouts)
}
