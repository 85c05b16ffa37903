package main

import (
	"os"

	"github.com/spf13/pflag"
)

// envName is the annotation of a flag that may also be given as an environment variable.
const envName = "ferry-env"

// env lets a flag be given as an environment variable too, and says so in its help.
func env(flags *pflag.FlagSet, flag, variable string) {
	f := flags.Lookup(flag)
	f.Usage += " [$" + variable + "]"
	f.Annotations = map[string][]string{envName: {variable}}
}

// fromEnv sets the flags that were not given from their variables. Who types --data names a node, which a variable that
// was set for another one does not undo.
func fromEnv(flags *pflag.FlagSet) error {
	var err error
	named := flags.Changed("data")
	flags.VisitAll(func(f *pflag.Flag) {
		names := f.Annotations[envName]
		if err != nil || f.Changed || len(names) == 0 || named && f.Name == "admin" {
			return
		}
		if value, ok := os.LookupEnv(names[0]); ok && value != "" {
			if bad := flags.Set(f.Name, value); bad != nil {
				err = usage("$%s: %v", names[0], bad)
			}
		}
	})
	return err
}
