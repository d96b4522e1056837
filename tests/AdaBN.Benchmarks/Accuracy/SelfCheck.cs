using AdaBN.Benchmarks.Accuracy.Corruptions;
using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.Benchmarks.Accuracy.Family;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>What would make figures wrong without a sign of it. Runs ahead of every measurement; throws.</summary>
internal static class SelfCheck
{
    public static void Run()
    {
        PngHasEveryFilter();
        WilsonIsAsPublished();
        PairedErrorIsThatOfDifferences();
        CorruptionsWithoutStrengthChangeNothing();
        CorruptionsAreDeterministic();
        BlursKeepWhatIsEven();
        MixturesAndSkewsTakeWhatTheySay();
        ASectionIsPutInOnceAndNothingElseChanges();
    }

    /// <summary>3x5 pixels, a row a filter, the data in two chunks; another decoder (Pillow) reads the same pixels from it.</summary>
    private static void PngHasEveryFilter()
    {
        byte[] file = Convert.FromBase64String(
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAAFCAIAAAAPE8H1AAAAFElEQVR42gEyAM3/AIK3Du5/GlA5vgHwflJ2RKkAAAApSURBVMJEAUQ6UYkCbUmP8Mjd0nNxA9QIRkH87FYZHgRb+VY7tvQ0SbYfZxYXj55aZAAAAABJRU5ErkJggg==");
        byte[] pixels = Convert.FromHexString("82b70eee7f1a5039bef07ec2347f066ed08f5dc7512447e3404300026b6e545594a065685d64c4980bb8d4544a");
        (int width, int height, byte[] decoded) = PngFile.Decode(file, "the PNG of the self-check");
        Expect((width, height) == (3, 5) && decoded.SequenceEqual(pixels), "the PNG reader");
    }

    /// <summary>The four examples of Newcombe 1998 (Statistics in Medicine 17), table I, method 3.</summary>
    private static void WilsonIsAsPublished()
    {
        static bool Near(Interval interval, double low, double high) => Math.Abs(interval.Low - low) < 5e-5 && Math.Abs(interval.High - high) < 5e-5;
        Expect(Near(Interval.Wilson(81, 263), 0.2553, 0.3662), "Wilson's interval");
        Expect(Near(Interval.Wilson(15, 148), 0.0624, 0.1605), "Wilson's interval");
        Expect(Near(Interval.Wilson(0, 20), 0, 0.1611), "Wilson's interval");
        Expect(Near(Interval.Wilson(1, 29), 0.0061, 0.1718), "Wilson's interval");
    }

    private static void PairedErrorIsThatOfDifferences()
    {
        bool[] one = [true, true, true, false, true], other = [true, false, false, true, true];
        double[] differences = [0, 1, 1, -1, 0];
        double mean = differences.Average(), error = Math.Sqrt(differences.Average(value => (value - mean) * (value - mean)) / differences.Length);
        (double difference, double standardError) = Interval.Paired(one, other);
        Expect(Math.Abs(difference - mean) < 1e-12 && Math.Abs(standardError - error) < 1e-12, "the paired difference");
    }

    private static void CorruptionsWithoutStrengthChangeNothing()
    {
        float[] picture = Sample(1);
        var draws = new Draws(1);
        (string Name, float[] Result)[] results =
        [
            ("gaussian noise", Noise.Gaussian(picture, 0, draws)), ("impulse noise", Noise.Impulse(picture, 0, draws)), ("speckle noise", Noise.Speckle(picture, 0, draws)),
            ("gaussian blur", Blur.Gaussian(picture, 0.01)), ("defocus blur", Blur.Defocus(picture, 0.5, 0.01)), ("motion blur", Blur.Motion(picture, 6, 0.01, 30)),
            ("zoom blur", Blur.Zoom(picture, 1)), ("enlargement", Blur.Enlarged(picture, 1)), ("fog", Weather.Fog(picture, 0, 3, draws)), ("brightness", Colour.Brightness(picture, 0)),
            ("contrast", Colour.Contrast(picture, 1)), ("saturate", Colour.Saturate(picture, 1, 0)), ("pixelate", Digital.Pixelate(picture, 1)),
        ];
        foreach ((string name, float[] result) in results) Expect(Picture.Quantized(result).SequenceEqual(picture), $"{name} without strength");
        Expect(Distance(Jpeg.Compress(Flat(0.5f), 40), Flat(0.5f)) < 0.01, "jpeg of an even picture");
        Expect(Math.Sqrt(Noise.Shot(picture, 1e6, draws).Zip(picture, (a, b) => (a - b) * (a - b)).Average()) < 0.002, "shot noise of much light");
    }

    private static void CorruptionsAreDeterministic()
    {
        foreach (Corruption corruption in Corruption.All)
        {
            float[] weak = corruption.Apply(Sample(2), 1, 7), strong = corruption.Apply(Sample(2), 5, 7);
            Expect(strong.SequenceEqual(corruption.Apply(Sample(2), 5, 7)), $"{corruption.Name} twice");
            Expect(!weak.SequenceEqual(strong) && strong.All(value => value is >= 0 and <= 1), $"{corruption.Name} at its strongest");
        }
    }

    private static void BlursKeepWhatIsEven()
    {
        float[] even = Flat(0.4f);
        float[][] blurred = [Blur.Gaussian(even, 1), Blur.Defocus(even, 1.5, 0.5), Blur.Motion(even, 9, 2.5, 20), Blur.Zoom(even, 26), Digital.Pixelate(even, 0.65)];
        foreach (float[] picture in blurred) Expect(Distance(picture, even) < 1e-5, "a blur of an even picture");
    }

    private static void MixturesAndSkewsTakeWhatTheySay()
    {
        LabelledImages images = LabelledImages.Of(Enumerable.Range(0, 600).Select(i => (new[] { (float)i }, i % 10)));
        Expect(images.Zipf(5).Labels.CountBy(label => label).All(pair => pair.Value == (59 / (((pair.Key + 5) % 10) + 1)) + 1), "the Zipf set");
        Expect(images.OneClass(3).Labels.All(label => label == 3) && images.OneClass(3).Count == 60, "one class");
        Expect(images.EvenlySpaced(4).Images.Select(image => image[0]).SequenceEqual([0f, 150f, 300f, 450f]), "evenly spaced images");
    }

    private static void ASectionIsPutInOnceAndNothingElseChanges()
    {
        const string report = "# Accuracy\n\n## a model\n\nx\n\n## a model, every condition\n\ny\n", section = "## Other normalizations\n\n### a\n\n1\n\n";
        string once = FamilyReport.PutInto(report, section);
        Expect(once == "# Accuracy\n\n## a model\n\nx\n\n" + section + "## a model, every condition\n\ny\n", "a section put into a report");
        Expect(FamilyReport.PutInto(once, section.Replace('1', '2')) == once.Replace('1', '2'), "a section put in anew");
        Expect(FamilyReport.PutInto("# Accuracy\n\n" + section, section) == "# Accuracy\n\n" + section, "a section at the end");
    }

    private static float[] Sample(ulong seed)
    {
        var draws = new Draws(seed);
        return Picture.Quantized(Picture.Make((_, _, _) => (float)draws.Uniform()));
    }

    private static float[] Flat(float value) => Picture.Make((_, _, _) => value);

    private static double Distance(float[] one, float[] other) => one.Zip(other, (a, b) => Math.Abs(a - b)).Max();

    private static void Expect(bool holds, string what)
    {
        if (!holds) throw new InvalidOperationException($"The self-check of bench --accuracy fails: {what}.");
    }
}
