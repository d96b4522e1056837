using System.Globalization;
using AdaBN.Distributed;
using AdaBN.Images.Decoding;

namespace AdaBN.Images;

/// <summary>An image file that could not be read, and why.</summary>
public sealed record BrokenImage(ImageFile File, string Reason)
{
    /// <inheritdoc/>
    public override string ToString() => $"{File.Name}: {Reason}";
}

/// <summary>How image files are read.</summary>
public sealed record ImageReading
{
    /// <summary>The model input they feed; null where the model has only one.</summary>
    public string? InputName { get; init; }

    /// <summary>The share of files that may be broken, which are left out; 0 to 1. Beyond it, reading fails.</summary>
    public double MaxBroken { get; init; } = 0.05;

    /// <summary>How many samples will be read at most, of which <see cref="MaxBroken"/> is a share; null: all.</summary>
    public long? MaxSamples { get; init; }
}

/// <summary>Image files as samples: decoded ahead by several threads, in order, prepared as the model takes them.</summary>
public sealed class ImageSamples : ISeekableSampleSource
{
    private const long LargestFile = 1 << 30;
    private static readonly int _ahead = 2 * Environment.ProcessorCount;

    private readonly ImageFiles _files;
    private readonly Preprocessing _preprocessing;
    private readonly PixelTensor _tensor;
    private readonly ImageReading _reading;
    private readonly long _mostBroken;
    private readonly SortedDictionary<int, BrokenImage> _broken = [];

    /// <param name="files">The files.</param>
    /// <param name="preprocessing">With size, colours and layout, as <see cref="Preprocessing.For"/> gives it.</param>
    /// <param name="reading">Settings; defaults where null.</param>
    /// <exception cref="ArgumentException">The preprocessing is incomplete, or a setting out of range.</exception>
    public ImageSamples(ImageFiles files, Preprocessing preprocessing, ImageReading? reading = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(preprocessing);
        (_files, _preprocessing, _tensor, _reading) = (files, preprocessing, new PixelTensor(preprocessing), reading ?? new ImageReading());
        if (_reading.MaxBroken is not (>= 0 and <= 1)) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{nameof(ImageReading.MaxBroken)} is {_reading.MaxBroken}, expected a share from 0 to 1."), nameof(reading));
        _mostBroken = (long)(Math.Min(files.Files.Length, _reading.MaxSamples ?? long.MaxValue) * _reading.MaxBroken);
        Inputs = [new SampleInput(_reading.InputName, _tensor.Shape)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<SampleInput> Inputs { get; }

    /// <summary>Number of files, broken ones included.</summary>
    public long? Count => _files.Files.Length;

    /// <summary>The files that were left out so far, in the files' order.</summary>
    public IReadOnlyList<BrokenImage> Broken
    {
        get
        {
            lock (_broken) return [.. _broken.Values];
        }
    }

    /// <inheritdoc/>
    public ISampleReader OpenReader() => new Reader(this, 0);

    /// <inheritdoc/>
    /// <remarks>Samples are numbered as the files, so that none may be left out: with <see cref="ImageReading.MaxBroken"/> 0, or of what <see cref="OnlySound"/> gives.</remarks>
    /// <exception cref="InvalidOperationException">Broken files would be left out.</exception>
    public ISampleReader OpenReader(long first) => _mostBroken == 0 || first == 0 ? new Reader(this, checked((int)first))
        : throw new InvalidOperationException($"Where broken files are left out, samples have no numbers before all are read. Take {nameof(OnlySound)}.");

    /// <summary>
    /// Looks at every file once, each process at its part, and gives the sound ones: processes can share these by number. With <see cref="ImageReading.MaxBroken"/> 0 there is
    /// nothing to look for: none is left out, and a broken one fails when it is read.
    /// </summary>
    /// <param name="communicator">The processes.</param>
    /// <param name="cancellationToken">Stops looking.</param>
    /// <exception cref="AdaptationException">More are broken than may be.</exception>
    public ImageSamples OnlySound(ICommunicator communicator, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        if (_mostBroken == 0) return this;
        int looked = (int)Math.Min(_files.Files.Length, (_reading.MaxSamples ?? int.MaxValue) + _mostBroken);
        (int Number, string Reason)[] own = [.. Enumerable.Range(0, looked).Where(number => number % communicator.Size == communicator.Rank)
            .AsParallel().AsOrdered().WithCancellation(cancellationToken).Select(number => (number, Load(_files.Files[number]).Reason)).Where(found => found.Reason is not null).Select(found => (found.number, found.Reason!))];
        (int Number, string Reason)[] all = [.. new Ranks(communicator).Gather(
            writer =>
            {
                writer.Write(own.Length);
                foreach ((int number, string reason) in own)
                {
                    writer.Write(number);
                    writer.Write(reason);
                }
            },
            reader => Enumerable.Range(0, reader.ReadInt32()).Select(_ => (reader.ReadInt32(), reader.ReadString())).ToArray(), cancellationToken).SelectMany(found => found).OrderBy(found => found.Item1)];
        foreach ((int number, string reason) in all) LeaveOut(number, reason);
        var sound = new ImageSamples(_files.Without(all.Select(found => found.Number).ToHashSet()), _preprocessing, _reading with { MaxBroken = 0 });
        foreach ((int number, BrokenImage image) in _broken) sound._broken.Add(number, image);
        return sound;
    }

    /// <summary>Some of the files, whatever is broken among them.</summary>
    internal ImageSamples Spread(int most) => new(_files.Sample(most), _preprocessing, _reading with { MaxBroken = 1, MaxSamples = null });

    private void LeaveOut(int index, string reason)
    {
        lock (_broken)
        {
            _broken[index] = new BrokenImage(_files.Files[index], reason);
            if (_broken.Count <= _mostBroken) return;
            const int shown = 5;
            throw new AdaptationException(AdaptationError.BrokenImages, string.Create(CultureInfo.InvariantCulture,
                $"{_files.Origin}: {(_broken.Count == 1 ? "an image is broken" : $"{_broken.Count} images are broken")}, of {_files.Files.Length} in all; {_mostBroken} ({_reading.MaxBroken:0.##%} of those to read) would have been left out. ") +
                $"{string.Join("; ", _broken.Values.Take(shown))}{(_broken.Count > shown ? "; …" : ".")}");
        }
    }

    /// <summary>The tensor of a file, or why there is none.</summary>
    private (float[]? Tensor, string? Reason) Load(ImageFile file)
    {
        try
        {
            var info = new FileInfo(file.Path);
            if (info.LinkTarget is not null) info = (FileInfo)info.ResolveLinkTarget(returnFinalTarget: true)!;
            if (!info.Exists) return (null, Directory.Exists(file.Path) ? "this is a folder" : "there is no such file");
            if (info.Length == 0) return (null, "the file is empty"); // as are pipes and devices, which might never end
            if (info.Length > LargestFile) return (null, "the file has more than 1 GB");
            var tensor = new float[_tensor.Shape.Aggregate(1, (product, length) => product * length)];
            _tensor.Write(ImageDecoder.Decode(File.ReadAllBytes(file.Path)), tensor);
            return (tensor, null);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            return (null, e.Message.TrimEnd('.').ReplaceLineEndings(" "));
        }
    }

    private sealed class Reader(ImageSamples samples, int first) : ISampleReader
    {
        private readonly Queue<Task<(float[]? Tensor, string? Reason)>> _loading = [];
        private readonly CancellationTokenSource _stop = new();
        private int _started = first, _taken = first;

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            while (true)
            {
                for (; _loading.Count < _ahead && _started < samples._files.Files.Length; _started++)
                {
                    ImageFile file = samples._files.Files[_started];
                    _loading.Enqueue(Task.Run(() => samples.Load(file), _stop.Token));
                }
                if (!_loading.TryDequeue(out Task<(float[]? Tensor, string? Reason)>? next)) return false;
                (float[]? tensor, string? reason) = next.GetAwaiter().GetResult();
                int index = _taken++;
                if (tensor is null)
                {
                    samples.LeaveOut(index, reason!);
                    continue;
                }
                tensor.CopyTo(destination[0]);
                return true;
            }
        }

        /// <summary>Those under way come to their end unheard; those that have not begun never do.</summary>
        public void Dispose()
        {
            _stop.Cancel();
            _stop.Dispose();
        }
    }
}
