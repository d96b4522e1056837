using System.Globalization;
using System.Text;
using System.Text.Json;
using AdaBN.Onnx;

namespace AdaBN.Benchmarks;

/// <summary>
/// Exact adaptation on ever more images: whether time grows linearly, fixed costs (plan, sessions) apart. Writes scaling.md and scaling.json.
/// </summary>
internal static class Scaling
{
    private const string Model = "resnet20";
    private const int Rounds = 7;
    private static readonly int[] _images = [64, 128, 256, 512, 1024];

    public static int Run()
    {
        string machine = Machine.Describe();
        Python.ExportModels([Model], Console.WriteLine);
        if (!File.Exists(Workload.ModelFile(Model))) return 1;
        string imagesFile = Images.Prepare(OnnxModel.Load(Workload.ModelFile(Model)), _images.Max());
        List<Contestant> contestants = [];
        try
        {
            foreach (int count in _images)
            {
                contestants.Add(Contestant.Start(new Assignment("exact", Model, imagesFile, count, count), Rounds));
                contestants[^1].WarmUp();
            }
            for (int round = 0; round < Rounds; round++) contestants.ForEach(contestant => contestant.DoRound());
            contestants.ForEach(contestant => contestant.Finish());
        }
        finally
        {
            contestants.ForEach(contestant => contestant.Dispose());
        }

        double[] times = [.. contestants.Select(contestant => contestant.MedianMs)];
        (double atZero, double perImage) = Line(times);
        double[] off = [.. times.Zip(_images, (time, count) => (time / (atZero + (perImage * count))) - 1)];
        var text = new StringBuilder();
        text.AppendLine("## Time over the number of images");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"`./build.sh bench --scaling` on {machine}.");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{Model}, exact, medians of {Rounds}: {atZero:0.0} ms + {perImage:0.000} ms an image, to within {100 * off.Max(Math.Abs):0.0} %.");
        text.AppendLine();
        text.AppendLine("| images | median ms | ms an image | off the line | peak MB |");
        text.AppendLine("|--:|--:|--:|--:|--:|");
        for (int i = 0; i < times.Length; i++)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {_images[i]} | {times[i]:0.0} | {times[i] / _images[i]:0.000} | {100 * off[i]:+0.0;-0.0} % | {contestants[i].PeakMB:0} |");
        }
        Results.Write("scaling", text.ToString());
        File.WriteAllText(Path.Combine(Workload.Folder, "scaling.json"), JsonSerializer.Serialize(
            contestants.Select((contestant, i) => new
            {
                model = Model,
                system = contestant.System,
                images = _images[i],
                medianMs = Math.Round(times[i], 1),
                offLine = Math.Round(off[i], 4),
                peakMB = Math.Round(contestant.PeakMB),
            })));
        return 0;
    }

    /// <summary>The straight line with the least squares of relative errors.</summary>
    private static (double AtZero, double Slope) Line(double[] times)
    {
        double weights = 0, x = 0, xx = 0, y = 0, xy = 0;
        foreach ((double time, int count) in times.Zip(_images))
        {
            double weight = 1 / (time * time);
            weights += weight;
            x += weight * count;
            xx += weight * count * count;
            y += weight * time;
            xy += weight * count * time;
        }
        double slope = ((weights * xy) - (x * y)) / ((weights * xx) - (x * x));
        return ((y - (slope * x)) / weights, slope);
    }
}
