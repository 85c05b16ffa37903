package main

import (
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawing is one plot.
type drawing struct {
	name, title, x, y string // name of the file, without its ending
	logX, logY        bool
	lines             []line
}

// line is one curve.
type line struct {
	name   string
	points plotter.XYs
}

// add appends a point. What cannot be drawn, because nothing was measured, is left out.
func (l *line) add(x, y float64) {
	if !math.IsNaN(y) && !math.IsInf(y, 0) {
		l.points = append(l.points, plotter.XY{X: x, Y: y})
	}
}

// drawAll writes the plots as SVG files into a folder.
func drawAll(dir string, drawings []drawing) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range drawings {
		p, err := d.plot()
		if err != nil {
			return err
		}
		if err := p.Save(16*vg.Centimeter, 10*vg.Centimeter, filepath.Join(dir, d.name+".svg")); err != nil {
			return err
		}
	}
	return nil
}

// plot lays the drawing out. A linear axis of values begins at zero, so that a small difference looks small.
func (d drawing) plot() (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor, p.Title.Padding = color.White, vg.Points(6)
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = d.title, d.x, d.y
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for i, l := range d.lines {
		curve, marks, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return nil, err
		}
		curve.Color, marks.Color = plotutil.Color(i), plotutil.Color(i)
		curve.Width, marks.Shape = vg.Points(1.2), draw.CircleGlyph{}
		p.Add(curve, marks)
		p.Legend.Add(l.name, curve, marks)
	}
	if d.logX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if d.logY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		return p, nil
	}
	p.Y.Min, p.Y.Max = 0, p.Y.Max*1.3 // room for the legend
	return p, nil
}
