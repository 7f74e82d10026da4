package main

import "entrepot/proxy"

func (k *keeper) metrics() *proxy.Metrics { return nil }
