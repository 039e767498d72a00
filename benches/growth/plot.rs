//! The picture of what was measured.

use std::path::Path;

use plotters::prelude::*;

use crate::measure::{Costs, Growth};

/// Draws what each step costs in relation to the small store, over the number of messages.
pub(crate) fn draw(all: &[Growth], file: &Path) {
    let result = try_draw(all, file);
    result.expect("the picture can be written");
}

fn try_draw(all: &[Growth], file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let sizes = || all.iter().flat_map(|growth| &growth.points).map(|point| number(point.size));
    let (least, most) = (sizes().fold(f64::MAX, f64::min), sizes().fold(1.0, f64::max));
    let highest =
        all.iter().flat_map(|growth| &growth.points).flat_map(|point| point.ratios).fold(1.5, f64::max);
    let area = SVGBackend::new(file, (860, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let panels = area.split_evenly((1, all.len().max(1)));
    for (growth, panel) in all.iter().zip(&panels) {
        let mut chart = ChartBuilder::on(panel)
            .margin(12)
            .caption(format!("{}: cost of each, to 10,000 messages", growth.kind.name()), ("sans-serif", 15))
            .x_label_area_size(36)
            .y_label_area_size(40)
            .build_cartesian_2d((least..most).log_scale(), 0.0..highest * 1.1)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("messages stored")
            .x_label_formatter(&|size| short(*size))
            .draw()?;
        for (index, name) in Costs::NAMES.iter().enumerate() {
            let color = Palette99::pick(index).to_rgba();
            let line = growth.points.iter().map(|point| (number(point.size), point.ratios[index]));
            chart
                .draw_series(LineSeries::new(line, color.stroke_width(2)).point_size(3))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .border_style(BLACK.mix(0.3))
            .background_style(WHITE.mix(0.8))
            .draw()?;
    }
    area.present()?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "there are some millions at most")]
fn number(size: usize) -> f64 {
    size as f64
}

fn short(size: f64) -> String {
    if size >= 1e6 { format!("{:.0} M", size / 1e6) } else { format!("{:.0} k", size / 1e3) }
}
