using System.Buffers.Binary;
using AdaBN.Images.Decoding;

namespace AdaBN.Images.Tests;

/// <summary>Files that are no picture, or not quite one, or claim to be a giant: one message each, nothing else.</summary>
[TestClass]
public sealed class HostileImageTests
{
    public static IEnumerable<object[]> Files => DecoderTests.Files;

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Cut_anywhere_a_file_is_refused(string file)
    {
        byte[] whole = Read(file);
        for (int length = 0; length < whole.Length; length++) Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(whole.AsSpan(0, length)), $"{length} of {whole.Length} bytes");
    }

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Damaged_anywhere_a_file_is_refused_or_read(string file)
    {
        byte[] whole = Read(file);
        bool hasCheckSums = file.EndsWith(".png", StringComparison.Ordinal);
        var random = new Random(11);
        int refused = 0;
        const int trials = 300;
        for (int trial = 0; trial < trials; trial++)
        {
            byte[] damaged = [.. whole];
            for (int i = random.Next(1, 4); i > 0; i--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            if (hasCheckSums && trial % 2 == 0) MendCheckSums(damaged); // else they would keep damage from what lies behind
            try
            {
                Picture picture = ImageDecoder.Decode(damaged);
                Assert.AreEqual(picture.Width * picture.Height * picture.Channels, picture.Pixels.Length);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.IsGreaterThan(0, refused);
    }

    [TestMethod]
    public void Giants_are_refused_before_memory_is_asked_for()
    {
        byte[] png = Read("rgb8.png"), jpeg = Read("420.jpg"), bmp = Read("rgb24.bmp"), webp = Read("lossless.webp");
        long before = GC.GetAllocatedBytesForCurrentThread();
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 2_000_000_000);
        MendCheckSums(png);
        Assert.Contains("more than the 100000000", Refusal(png));
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 9_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 9_000);
        MendCheckSums(png);
        Assert.Contains("holds data for fewer", Refusal(png));

        int frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        BinaryPrimitives.WriteUInt32BigEndian(jpeg.AsSpan(frame + 5), 0xFFFFFFFF);
        Assert.Contains("more than the 100000000", Refusal(jpeg));
        BinaryPrimitives.WriteUInt32BigEndian(jpeg.AsSpan(frame + 5), 0x20002000);
        Assert.Contains("holds data for fewer", Refusal(jpeg));

        BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(18), 9_000);
        BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(22), int.MinValue);
        Assert.Contains("more than the 100000000", Refusal(bmp));
        BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(22), -9_000);
        Assert.Contains("do not fit", Refusal(bmp));

        BinaryPrimitives.WriteUInt32LittleEndian(webp.AsSpan(webp.AsSpan().IndexOf("VP8L"u8) + 9), (1 << 28) - 1); // two times 14 bits
        Assert.Contains("16384 x 16384 pixels, more than the 100000000", Refusal(webp));
        Assert.IsLessThan(10_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Endless_scans_are_refused()
    {
        byte[] jpeg = Read("progressive420.jpg");
        int first = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]), second = first + 2 + jpeg.AsSpan(first + 2).IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        byte[] scan = jpeg[first..second];
        byte[] endless = [.. jpeg[..second], .. Enumerable.Repeat(scan, 1000).SelectMany(bytes => bytes), .. jpeg[second..]];
        Assert.Contains("more than 256 scans", Refusal(endless));
    }

    [TestMethod]
    [DataRow("picture.gif", "a GIF")]
    [DataRow("picture.tiff", "a TIFF")]
    [DataRow("make_images.py", "no image that is known here")]
    public void What_is_not_read_is_refused_by_name(string file, string says) => Assert.Contains(says, Refusal(Read(file)));

    [TestMethod]
    public void Rare_kinds_are_refused_by_name()
    {
        byte[] jpeg = Read("420.jpg"), bmp = Read("gray8.bmp");
        jpeg[jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]) + 4] = 12;
        Assert.Contains("a JPEG of 12 bits", Refusal(jpeg));
        bmp[30] = 1; // run lengths
        Assert.Contains("compressed (BMP compression 1)", Refusal(bmp));
    }

    [TestMethod]
    public void A_tail_of_zeros_as_of_a_broken_download_is_no_picture()
    {
        foreach (string file in DecoderTests.Names.Where(name => name.EndsWith(".jpg", StringComparison.Ordinal) || name.EndsWith(".png", StringComparison.Ordinal)))
        {
            byte[] damaged = Read(file);
            damaged.AsSpan(damaged.Length * 3 / 4).Clear();
            Assert.Contains("damaged", Refusal(damaged), file);
        }
    }

    private static byte[] Read(string file) => File.ReadAllBytes(Path.Combine(DecoderTests.Folder, file));

    private static string Refusal(byte[] file) => Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(file)).Message;

    private static void MendCheckSums(byte[] png)
    {
        for (int at = 8; at + 12 <= png.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at));
            if (length > png.Length - at - 12) return;
            BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(at + 8 + (int)length), CheckSum(png.AsSpan(at + 4, 4 + (int)length)));
            at += 12 + (int)length;
        }
    }

    /// <summary>Of PNG's chunks (W3C PNG specification, annex D).</summary>
    private static uint CheckSum(ReadOnlySpan<byte> bytes)
    {
        uint sum = uint.MaxValue;
        foreach (byte value in bytes)
        {
            sum ^= value;
            for (int bit = 0; bit < 8; bit++) sum = (sum & 1) != 0 ? 0xEDB88320 ^ (sum >> 1) : sum >> 1;
        }
        return ~sum;
    }
}
