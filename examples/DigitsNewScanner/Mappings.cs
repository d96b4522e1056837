using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace DigitsNewScanner;

internal sealed class Pixels64
{
    [VectorType(64)]
    public float[] Pixels { get; set; } = [];
}

internal sealed class Pixels784
{
    [VectorType(784)]
    public float[] Pixels { get; set; } = [];
}

internal sealed class ModelImage
{
    [ColumnName("image"), VectorType(784)]
    public float[] Image { get; set; } = [];
}

internal sealed class ModelLogits
{
    [ColumnName("logits"), VectorType(1, 10)]
    public float[] Logits { get; set; } = [];
}

internal sealed class RecognizedDigit
{
    public int Digit { get; set; }
}

/// <summary>8x8 scan to the model's 28x28 image: scaled to 20x20 (bilinear, half-pixel centres, edges repeated) with 4 pixels of margin, 0 to 1.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class ScanToImage : CustomMappingFactory<Pixels64, ModelImage>
{
    public const string Contract = "DigitsNewScanner.ScanToImage";
    private const int Scan = 8, Scaled = 20, Margin = 4, Side = 28;

    public override Action<Pixels64, ModelImage> GetMapping() => Map;

    public static void Map(Pixels64 scan, ModelImage result)
    {
        result.Image = new float[Side * Side];
        for (int y = 0; y < Scaled; y++)
        {
            (int top, int bottom, float down) = Neighbours(y);
            for (int x = 0; x < Scaled; x++)
            {
                (int left, int right, float across) = Neighbours(x);
                float upper = float.Lerp(scan.Pixels[(top * Scan) + left], scan.Pixels[(top * Scan) + right], across);
                float lower = float.Lerp(scan.Pixels[(bottom * Scan) + left], scan.Pixels[(bottom * Scan) + right], across);
                result.Image[((y + Margin) * Side) + x + Margin] = float.Lerp(upper, lower, down) / 16;
            }
        }
    }

    private static (int First, int Second, float Weight) Neighbours(int position)
    {
        float at = ((position + 0.5f) * Scan / Scaled) - 0.5f;
        int first = (int)MathF.Floor(at);
        return (Math.Clamp(first, 0, Scan - 1), Math.Clamp(first + 1, 0, Scan - 1), at - first);
    }
}

/// <summary>0 to 255 as the training data has it, to the model's 0 to 1.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class BytesToImage : CustomMappingFactory<Pixels784, ModelImage>
{
    public const string Contract = "DigitsNewScanner.BytesToImage";

    public override Action<Pixels784, ModelImage> GetMapping() => Map;

    public static void Map(Pixels784 digit, ModelImage result) => result.Image = [.. digit.Pixels.Select(pixel => pixel / 255)];
}

/// <summary>The class with the largest score.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class LogitsToDigit : CustomMappingFactory<ModelLogits, RecognizedDigit>
{
    public const string Contract = "DigitsNewScanner.LogitsToDigit";

    public override Action<ModelLogits, RecognizedDigit> GetMapping() => Map;

    public static void Map(ModelLogits logits, RecognizedDigit result) => result.Digit = TensorPrimitives.IndexOfMax(logits.Logits);
}
