package discover

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"strings"
)

// gradleConstant reads a constant of Gradle's interface ArtifactRepositoryContainer out of its libraries. Gradle has no
// command that tells its repositories, and its settings are programs, which are not run.
func gradleConstant(field string) []probe {
	return []probe{builtin(probe{"Gradle", func(_ context.Context, m *machine) (answer, error) {
		for _, home := range gradleHomes(m) {
			jars, _ := filepath.Glob(filepath.Join(home, "lib", "gradle-core-api-*.jar"))
			for _, jar := range jars {
				class, err := readEntry(jar, func(name string) bool {
					return strings.HasSuffix(name, "/ArtifactRepositoryContainer.class")
				})
				if err != nil {
					continue
				}
				if u := classConstant(class, field); u != "" {
					return answer{urls: []string{u}}, nil
				}
			}
		}
		return answer{}, errUnset
	}})}
}

// gradleHomes returns where Gradle may be installed.
func gradleHomes(m *machine) []string {
	var homes []string
	if program, err := m.look("gradle"); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			home := filepath.Dir(filepath.Dir(real))
			homes = append(homes, home, filepath.Join(home, "libexec"))
		}
	}
	if home := m.getenv("GRADLE_HOME"); filepath.IsAbs(home) {
		homes = append(homes, home)
	}
	return homes
}

// classConstant returns the text constant with which a Java class file initialises a static field; empty if there is
// none. The layout is that of the Java Virtual Machine Specification, chapter 4.
func classConstant(class []byte, field string) string {
	c := &classFile{rest: class}
	if c.u4() != 0xCAFEBABE {
		return ""
	}
	c.skip(4) // version
	c.pool()
	c.skip(6) // access, this, super
	c.skip(2 * int(c.u2()))
	for range c.u2() { // fields
		c.skip(2)
		name := c.text[c.u2()]
		c.skip(2) // descriptor
		for range c.u2() {
			attribute, length := c.text[c.u2()], int(c.u4())
			if name == field && attribute == "ConstantValue" && length == 2 {
				return c.text[c.string[c.u2()]]
			}
			c.skip(length)
		}
	}
	return ""
}

// classFile reads a class file; past its end everything is zero.
type classFile struct {
	rest   []byte
	text   map[uint16]string // CONSTANT_Utf8
	string map[uint16]uint16 // CONSTANT_String: the index of its text
}

func (c *classFile) skip(n int) []byte {
	n = max(0, min(n, len(c.rest)))
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *classFile) u2() uint16 {
	if b := c.skip(2); len(b) == 2 {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *classFile) u4() uint32 {
	return uint32(c.u2())<<16 | uint32(c.u2())
}

// pool reads the constant pool (4.4).
func (c *classFile) pool() {
	c.text, c.string = map[uint16]string{}, map[uint16]uint16{}
	for i, n := uint16(1), c.u2(); i < n && len(c.rest) > 0; i++ {
		switch tag := c.skip(1)[0]; tag {
		case 1: // Utf8
			c.text[i] = string(c.skip(int(c.u2())))
		case 8: // String
			c.string[i] = c.u2()
		case 7, 16, 19, 20: // Class, MethodType, Module, Package
			c.skip(2)
		case 15: // MethodHandle
			c.skip(3)
		case 3, 4, 9, 10, 11, 12, 17, 18:
			c.skip(4)
		case 5, 6: // Long and Double take two places
			c.skip(8)
			i++
		default:
			c.rest = nil
		}
	}
}
