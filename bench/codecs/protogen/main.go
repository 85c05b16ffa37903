// Command protogen generates the Go code of a .proto file in the current folder with the two plugins that
// go.mod pins. It compiles the file itself, so that protoc need not be installed.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

// run generates the code of one file, plain first, then vtproto's.
func run(name string) error {
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{}, SourceInfoMode: protocompile.SourceInfoStandard}
	compiled, err := compiler.Compile(context.Background(), name)
	if err != nil {
		return err
	}
	file := protoutil.ProtoFromFileDescriptor(compiled[0])
	if err := generate("protoc-gen-go", "paths=source_relative", file); err != nil {
		return err
	}
	const options = "paths=source_relative,features=marshal+unmarshal+unmarshal_unsafe+size+pool," +
		"pool=github.com/ferrymesh/ferry/bench/codecs/pb.Batch,pool=github.com/ferrymesh/ferry/bench/codecs/pb.Event"
	return generate("protoc-gen-go-vtproto", options, file)
}

// generate runs one plugin as protoc would, and writes what it answers.
func generate(plugin, options string, file *descriptorpb.FileDescriptorProto) error {
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.GetName()}, Parameter: proto.String(options), ProtoFile: []*descriptorpb.FileDescriptorProto{file},
	})
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "tool", plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", plugin, err)
	}
	var answer pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s", plugin, answer.GetError())
	}
	for _, f := range answer.File {
		if err := os.WriteFile(f.GetName(), []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
