using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Benchmarks;

/// <summary>The images that all systems are given, in memory before any clock runs: standard normal numbers from a fixed seed.</summary>
internal sealed class Images : ISampleSource
{
    private readonly float[] _data;
    private readonly int _length;

    private Images(string inputName, int[] shape, int count)
    {
        InputName = inputName;
        Shape = shape;
        Count = count;
        Inputs = [new SampleInput(inputName, [.. shape])];
        _length = Inputs[0].Length;
        _data = GC.AllocateUninitializedArray<float>(count * _length, pinned: true);
    }

    public string InputName { get; }

    public int[] Shape { get; }

    public int Count { get; }

    public IReadOnlyList<SampleInput> Inputs { get; }

    long? ISampleSource.Count => Count;

    /// <summary>One image's numbers.</summary>
    public ReadOnlySpan<float> this[int index] => _data.AsSpan(index * _length, _length);

    /// <summary>Writes the images of a model's input shape where they are not there yet, and gives the file.</summary>
    public static string Prepare(OnnxModel model, int count)
    {
        int[] shape = ShapeOf(model);
        string file = Path.Combine(Workload.Folder, "data", $"{string.Join('x', shape.Prepend(count))}.npy");
        if (File.Exists(file)) return file;
        var random = new Random(1);
        var data = new float[count * shape.Aggregate((a, b) => a * b)];
        for (int i = 0; i < data.Length; i++) // Box-Muller
            data[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        Npy.Write($"{file}.partial", data, [count, .. shape]);
        File.Move($"{file}.partial", file);
        return file;
    }

    /// <summary>Reads the first images of a file that <see cref="Prepare"/> wrote.</summary>
    public static Images Load(OnnxModel model, string file, int count)
    {
        var images = new Images(model.Graph.RequiredInputs.Single().Name, ShapeOf(model), count);
        using ISampleReader reader = NpyFile.Open(file).OpenReader();
        for (int i = 0; i < count; i++) reader.TryRead([images._data.AsMemory(i * images._length, images._length)]);
        return images;
    }

    /// <summary>Some of the images as a tensor over this memory; nothing is copied.</summary>
    public OrtValue Tensor(int first, int count) => OrtValue.CreateTensorValueFromMemory(
        OrtMemoryInfo.DefaultInstance, _data.AsMemory(first * _length, count * _length), [count, .. Shape.Select(axis => (long)axis)]);

    public ISampleReader OpenReader() => new Reader(this);

    private static int[] ShapeOf(OnnxModel model) =>
        [.. model.Graph.RequiredInputs.Single().Type!.Shape!.Value.Skip(1).Select(axis => (int)axis.Length!.Value)];

    private sealed class Reader(Images images) : ISampleReader
    {
        private int _next;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (_next == images.Count) return false;
            images[_next++].CopyTo(destination[0].Span);
            return true;
        }

        public void Dispose()
        {
        }
    }
}
